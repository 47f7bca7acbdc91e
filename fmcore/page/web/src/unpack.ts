/** Arrays out of the page's text: base64, inflated, planes put together, rounded levels turned into values. */

import type { Packed } from "./contract";

export type Numbers = Float32Array | Int32Array | Uint8Array;

/** Decodes each array when it is first wanted, and keeps what fits into `mostBytes`; the longest unused goes first. */
export class Unpacker {
  private readonly kept = new Map<Packed, Promise<Numbers>>();
  private bytes = 0;

  constructor(
    private readonly text: string,
    private readonly mostBytes = 192e6,
  ) {}

  get(packed: Packed): Promise<Numbers> {
    let found = this.kept.get(packed);
    if (found === undefined) {
      found = unpack(this.text.slice(packed.start, packed.end), packed);
      this.bytes += 4 * size(packed);
    } else {
      this.kept.delete(packed);
    }
    this.kept.set(packed, found); // the last used stands last
    this.tidy();
    return found;
  }

  private tidy(): void {
    for (const packed of this.kept.keys()) {
      if (this.bytes <= this.mostBytes || this.kept.size === 1) return;
      this.kept.delete(packed);
      this.bytes -= 4 * size(packed);
    }
  }
}

export function size(packed: Packed): number {
  return packed.shape.reduce((product, side) => product * side, 1);
}

async function unpack(base64: string, packed: Packed): Promise<Numbers> {
  const bytes = await inflate(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  const count = size(packed);
  switch (packed.coding) {
    case "uint8":
      return bytes;
    case "float32":
      return new Float32Array(joined(bytes, count, 4));
    case "int32":
      return new Int32Array(joined(bytes, count, 4));
    case "levels8":
    case "levels16":
      return levelled(bytes, count, packed.each, packed.coding === "levels8" ? 1 : 2);
  }
}

async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** `count` numbers of `width` bytes from their planes: first all lowest bytes, then all second ones, and so on. */
function joined(bytes: Uint8Array, count: number, width: number): ArrayBuffer {
  const numbers = new Uint8Array(count * width);
  for (let plane = 0; plane < width; plane++) {
    for (let at = 0; at < count; at++) numbers[at * width + plane] = bytes[plane * count + at]!;
  }
  return numbers.buffer;
}

function levelled(bytes: Uint8Array, count: number, each: number, width: number): Float32Array {
  const runs = count / each;
  const head = new Float32Array(joined(bytes, 2 * runs, 4)); // all lows, then all steps
  const planes = bytes.subarray(8 * runs);
  const values = new Float32Array(count);
  for (let at = 0; at < count; at++) {
    const run = Math.floor(at / each);
    const level = width === 1 ? planes[at]! : planes[at]! + 256 * planes[count + at]!;
    values[at] = head[run]! + level * head[runs + run]!;
  }
  return values;
}
