/**
 * Reads packed answers without the libraries that offchain/protocol/answers.ts needs to write them: what the first view loads stays small.
 * 68 bytes an answer: digest, sketch, three bytes of tokens, one of the finish reason.
 */
const SIZE = 136;
const CHANGE = 140;

export interface PackedAnswer {
  digest: string;
  sketch: string;
  tokens: number;
}

export function decodeAnswers(packed: string): PackedAnswer[] {
  const hex = packed.slice(2);
  return Array.from({ length: Math.floor(hex.length / SIZE) }, (_, i) => {
    const one = hex.slice(i * SIZE, (i + 1) * SIZE);
    return { digest: `0x${one.slice(0, 64)}`, sketch: `0x${one.slice(64, 128)}`, tokens: parseInt(one.slice(128, 134), 16) };
  });
}

export function applyChanges(base: string, changes: string): string {
  let hex = base.slice(2);
  const list = changes.slice(2);
  for (let at = 0; at + CHANGE <= list.length; at += CHANGE) {
    const prompt = parseInt(list.slice(at, at + 4), 16);
    hex = hex.slice(0, prompt * SIZE) + list.slice(at + 4, at + CHANGE) + hex.slice((prompt + 1) * SIZE);
  }
  return `0x${hex}`;
}
