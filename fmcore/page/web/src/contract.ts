/**
 * What the exporter (fmcore/page, in Python) puts into the page, field by field.
 *
 * Arrays are channels-first, indices count from 0; what people read, addresses included, counts from 1. Sizes are
 * [height, width]. Strings come from strangers: they are text and never markup.
 */

export const SCHEMA = 2;

export type Pair = readonly [number, number];
export type Stage = "activation" | "preactivation";

/** An array in the text block `data`: base64 from `start` to `end`, of zlib of its byte planes. */
export interface Packed {
  readonly start: number;
  readonly end: number;
  readonly shape: readonly number[];
  /**
   * float32, int32 and uint8 are as they were. levels8 and levels16 are rounded: every run of `each` values has an
   * own `low` and `step` (float32, first all lows, then all steps, then the planes of the levels); a value is
   * fround(low + level * step), worked out in double precision.
   */
  readonly coding: "float32" | "int32" | "uint8" | "levels8" | "levels16";
  readonly each: number;
}

export interface Content {
  readonly schema: number;
  readonly fmcore: string; // its version
  readonly title: string;
  readonly language: string; // of all texts, such as en or pt-BR
  readonly direction: "ltr" | "rtl";
  readonly decimal: "." | ","; // what separates decimals there
  readonly words: Readonly<Record<string, string>>; // what texts.ts and names of patterns are in that language; {} for English
  /** 256 colours each, as 1536 hexadecimal digits: strength from zero, signed about zero, images. */
  readonly tables: { readonly strength: string; readonly signed: string; readonly grey: string };
  readonly models: readonly Model[]; // one, or two that are compared
  readonly matches: readonly LayerMatch[]; // [] for one model
  readonly comparison: readonly string[]; // sentences on how the two agree; [] for one model
  readonly limits: readonly string[]; // what is rounded or left out on this page, a sentence each
  readonly start: Patch; // the state without an address
  readonly tour: readonly Step[];
  readonly questions: readonly Question[];
  readonly notes: readonly Block[];
  readonly film: Film | null;
}

/** Fields of the state by name, as they stand in an address; see state.ts. */
export type Patch = Readonly<Record<string, string>>;

export interface Model {
  readonly name: string;
  readonly about: readonly string[]; // sentences: data, training, accuracy, number of parameters
  readonly input: readonly [number, number, number];
  readonly classes: readonly string[];
  readonly probes: readonly Probe[];
  readonly layers: readonly Layer[]; // in the order in which they ran
  readonly epochs: readonly Epoch[]; // from 0, before training, to the last; [] where it was not trained here
  readonly historyEpochs: readonly number[]; // the first axis of `<layer>/history/<probe>`
  readonly historyProbes: readonly number[]; // which probes have one
  /** From zero to, or symmetric about zero with, the largest of all layers, images and models of the page. */
  readonly shared: Readonly<Record<Stage, Pair>>;
  /**
   * By name, P probes, C' channels that the page holds:
   *   probes (P, C, H, W); input/<p> (C, H, W) where normalisation made it another
   *   probabilities (P, K); gradcam_classes (P, T)
   *   original/<p> (C, H, W), bytes of the picture that probe p was cut from
   *   <layer>/activation/<p>, <layer>/preactivation/<p>, <layer>/sum/<p> (C', H, W)
   *   <layer>/weight (R, C_in / groups, kH, kW) of the channels `Layer.weighted`
   *   <layer>/bias, scale, shift (C_out,)
   *   <layer>/weight_history (E, R, C_in / groups, kH, kW) over `epochs`
   *   <layer>/history/<p> (E', C', H, W)
   *   <layer>/gradcam/<p> (T, H, W); <layer>/support (P, T, 2): how few places hold half of the support, and their largest
   *   <layer>/ablated, <layer>/ablation (P, A)
   */
  readonly arrays: Readonly<Record<string, Packed>>;
}

export interface Probe {
  readonly name: string; // such as "Ankle boot, test image 17"
  readonly label: number | null;
  readonly predicted: number;
  readonly box: readonly [number, number, number, number] | null; // of the network's input on original/<p>: top, left, bottom, right
}

export interface Epoch {
  readonly number: number;
  readonly accuracy: number | null; // on test images, a share
}

export interface Layer {
  readonly name: string;
  readonly type: "convolution" | "pooling" | "block";
  readonly shape: readonly [number, number, number]; // C, H, W as the network has them
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  readonly groups: number;
  readonly paddingMode: "zeros" | "reflect" | "replicate" | "circular";
  readonly normalisation: string;
  readonly nonlinearity: string;
  /** Where patches come from: "probes", "input", or "<layer>/activation"; "" where the page does not hold it. */
  readonly input: string;
  readonly reads: readonly string[]; // the layers that it is made from, shown or not; "" is the image
  readonly field: {
    readonly size: Pair;
    readonly jump: Pair;
    readonly start: Pair;
    readonly whole: boolean;
    readonly exact: boolean;
    /** It sees the whole image, and what lies outside of its box only through numbers that all places share. */
    readonly local: boolean;
  };
  readonly channels: readonly number[]; // those that the page holds, rising
  readonly representatives: readonly number[]; // the ones to show first, best first; all in `channels`
  readonly weighted: readonly number[]; // those whose filters the page holds, rising
  /** How the activation comes: as an array, or exactly so from the pre-activation. */
  readonly activation: "stored" | "relu" | "relu6" | "same";
  readonly preactivation: boolean; // whether the page has it
  readonly sum: boolean; // whether patch x filter + bias gives `sum` rather than the pre-activation
  /** [smallest, largest] over the whole layer, by probe. */
  readonly ranges: Readonly<Record<Stage, readonly Pair[]>>;
  readonly labels: readonly (Label | null)[]; // by position in `channels`: what it resembles, measured
  readonly badges: readonly Badge[];
  readonly diagnosis: readonly string[]; // sentences on the whole layer; [] where nobody measured
  /** Of every image: channels by how much the predicted probability falls or rises without them. */
  readonly classes: number; // T, how many classes Grad-CAM was worked out for; 0 where it was not
}

export interface Label {
  readonly name: string; // such as "vertical edges, bright left", or "mixed"
  readonly score: number | null;
}

export interface Badge {
  readonly channel: number;
  readonly kind: "dead" | "constant" | "nearly dead" | "redundant" | "background";
  readonly evidence: string; // one sentence with the figures
}

export interface LayerMatch {
  readonly layer: string; // of the first model
  readonly other: string; // its counterpart in the second
  readonly likeness: number; // linear CKA
  readonly pairs: readonly (readonly [number, number, number])[]; // channel, channel of the other, correlation
}

export interface Step {
  readonly title: string;
  readonly text: string;
  readonly state: Patch;
  readonly look: "image" | "layers" | "maps" | "place" | "overlay" | "epoch" | "answers" | "compare" | "notes";
}

export interface Question {
  readonly text: string;
  readonly options: readonly string[];
  readonly answer: number; // of `options`
  readonly why: string;
  readonly state: Patch | null; // where it can be seen
}

export type Block =
  | { readonly kind: "heading"; readonly text: string; readonly level: 2 | 3 }
  | { readonly kind: "paragraph"; readonly text: string }
  | { readonly kind: "formula"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly string[] };

export interface Film {
  readonly file: string; // relative to the page
  readonly poster: string; // likewise; it may be gone
  readonly chapters: readonly Chapter[];
  readonly captions: readonly Caption[];
}

export interface Chapter {
  readonly title: string;
  readonly start: number; // seconds
  readonly state: Patch | null;
}

export interface Caption {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}
