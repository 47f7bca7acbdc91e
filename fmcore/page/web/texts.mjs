// Prints the texts of the page's script as JSON, for those who translate.
import { buildSync } from "esbuild";

const { outputFiles } = buildSync({ entryPoints: ["src/texts.ts"], format: "esm", write: false });
const { default: texts } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
process.stdout.write(`${JSON.stringify(texts, null, 1)}\n`);
