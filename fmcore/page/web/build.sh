#!/bin/sh
# From the TypeScript in src/ to the one script of the page, ../page.js, and the list of its texts, ../texts.json: its
# types are checked, then it is bundled.
#   ./build.sh         write page.js and texts.json
#   ./build.sh check   build aside and compare with those that are there; where there is no Node, say so
# PAGE=required in the environment makes a missing Node a fault of the check, too.
set -eu
cd -- "$(dirname -- "$0")"

say() { printf 'fmcore: %s\n' "$*"; }
fail() {
    printf 'fmcore: %s\n' "$*" >&2
    exit 1
}

# Asked by running them: version managers leave commands on the PATH that start nothing.
has_node() {
    node -e 'process.exit(+process.versions.node.split(".")[0] < 18 ? 1 : 0)' >/dev/null 2>&1 &&
        npm --version >/dev/null 2>&1
}

# npm begins by removing node_modules: the copy of the lock file in it says that an installation came to its end.
ensure_packages() {
    cmp -s package-lock.json node_modules/.installed && return
    say "installing what builds the page ..."
    npm ci --no-audit --no-fund --loglevel=error >/dev/null ||
        fail "npm could not install the packages of fmcore/page/web. Mend what it says above, then try again."
    cp package-lock.json node_modules/.installed
}

build() { # page.js and texts.json, where to
    npm run --silent check || fail "The page's TypeScript has faults in its types; they are listed above."
    npm run --silent build -- --outfile="$1" || fail "esbuild could not bundle the page; it says above why."
    npm run --silent texts >"$2" || fail "The page's texts could not be listed; it says above why."
}

case ${1:-} in
"")
    has_node || fail "The page is built with Node 18 or newer and npm. Install them, then run 'make page' again."
    ensure_packages
    build ../page.js ../texts.json
    ;;
check)
    if has_node; then
        ensure_packages
        build node_modules/.page.js node_modules/.texts.json
        for name in page.js texts.json; do
            cmp -s "node_modules/.$name" "../$name" ||
                fail "fmcore/page/$name is not what its TypeScript gives. Run 'make page', and commit what it writes."
        done
    elif [ "${PAGE:-}" = required ]; then
        fail "The page's script could not be checked: Node 18 or newer and npm are needed."
    else
        say "The page's script was not checked: there is no Node with npm here."
    fi
    ;;
*) fail "There is no '$1'; give nothing or 'check'." ;;
esac
