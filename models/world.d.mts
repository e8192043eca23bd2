/** A seeded random source (mulberry32). */
export interface Random {
  next(): number;
  int(lo: number, hi: number): number;
  pick<T>(items: readonly T[]): T;
  chance(p: number): boolean;
  shuffle<T>(items: readonly T[]): T[];
  sample<T>(items: readonly T[], count: number): T[];
}
export function rng(seed: number): Random;
/** One task of the toy world: its family, and a prompt with its right answer. */
export function sample(random: Random): { task: string; qa: [prompt: string, answer: string] };
/** A prompt with its right answer, by family. */
export const TASKS: Record<string, (random: Random, heldOut?: boolean) => [prompt: string, answer: string]>;
