/** A number as the 16 bits of a half-precision float, rounded to nearest even. */
export function toF16(value: number): number;
/** The number that 16 bits of a half-precision float stand for. */
export function fromF16(bits: number): number;
