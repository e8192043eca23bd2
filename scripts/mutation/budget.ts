/** Most time for the tests that might still notice a mutant, ms, of each kind. A mutant that this cuts short counts as survived. */
export const BUDGET_MS = Number(process.env["MUTATION_BUDGET_MS"] ?? 20_000);

/** A mutant with which one test takes so long stands still, and counts as killed: well beyond a test's own limit, on a slow machine too. */
export const STILL_MS = 400_000;
