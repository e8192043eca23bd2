/** Most time for the tests that might still notice a mutant, ms, of each kind. A mutant that this cuts short counts as survived. */
export const BUDGET_MS = Number(process.env["MUTATION_BUDGET_MS"] ?? 20_000);

/** A mutant whose tests take so long stands still, and counts as killed: well beyond all that the budget lets it have, on a slow machine too. */
export const MUTANT_LIMIT_MS = 120_000 + 4 * BUDGET_MS;
