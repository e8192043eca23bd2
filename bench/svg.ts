/** A coordinate, to a tenth. */
export const tenth = (value: number): number => Math.round(value * 10) / 10;

/** A picture with a title above, on white: `marks` are the elements on it. */
export const picture = (width: number, height: number, title: string, marks: readonly string[]): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" role="img" aria-label="${title}">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${width / 2}" y="28" text-anchor="middle" font-size="14">${title}</text>`,
    ...marks,
    "</svg>",
    "",
  ].join("\n");
