import type { LlamaModel, Token } from "node-llama-cpp";

/** A character takes at most four bytes, so four tokens without a whole one are not waiting for more. */
const MAX_UNFINISHED = 4;
/** How many earlier tokens the detokenizer sees, for its rules about spaces. */
const LOOK_BACK = 8;

/** Turns tokens into text one by one, and finds the first stop string. Miner and validator use it alike, so both see the same end. */
export class AnswerText {
  readonly #model: LlamaModel;
  readonly #stops: readonly string[];
  readonly #held: number;
  #text = "";
  #told = 0;
  #unfinished: Token[] = [];
  #earlier: Token[] = [];

  constructor(model: LlamaModel, stops: readonly string[]) {
    this.#model = model;
    this.#stops = stops;
    this.#held = Math.max(0, ...stops.map((stop) => stop.length - 1));
  }

  /** Adds a token; true when the text now ends before a stop string. */
  push(token: Token): boolean {
    this.#unfinished.push(token);
    const piece = this.#model.detokenize(this.#unfinished, false, this.#earlier);
    if (piece.endsWith("\ufffd") && this.#unfinished.length < MAX_UNFINISHED) return false;
    return this.#append(piece);
  }

  /** What may be shown now and was not shown before; text that could still become a stop string is held back. */
  fresh(): string {
    const end = Math.max(this.#told, this.#text.length - this.#held);
    const splitsPair = /[\ud800-\udbff]/.test(this.#text.charAt(end - 1));
    return this.#tell(splitsPair ? Math.max(this.#told, end - 1) : end);
  }

  /** Ends the text. Returns what was not shown before. */
  finish(): string {
    this.#append(this.#model.detokenize(this.#unfinished, false, this.#earlier));
    return this.#tell(this.#text.length);
  }

  get text(): string {
    return this.#text;
  }

  #append(piece: string): boolean {
    const from = Math.max(0, this.#text.length - this.#held);
    this.#text += piece;
    this.#earlier = [...this.#earlier, ...this.#unfinished].slice(-LOOK_BACK);
    this.#unfinished = [];
    const cuts = this.#stops.map((stop) => this.#text.indexOf(stop, from)).filter((cut) => cut >= 0);
    if (cuts.length === 0) return false;
    this.#text = this.#text.slice(0, Math.min(...cuts));
    return true;
  }

  #tell(end: number): string {
    const told = this.#text.slice(this.#told, end);
    this.#told = end;
    return told;
  }
}
