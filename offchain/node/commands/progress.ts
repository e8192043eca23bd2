/** Draws a bar on standard error where that is a terminal, and a line every ten seconds where it is not. */
export function progressLine(what: string): (done: number, total: number | undefined) => void {
  const started = performance.now();
  let told = 0;
  return (done, total) => {
    const now = performance.now();
    const every = process.stderr.isTTY ? 100 : 10_000;
    if (now - told < every && done !== total) return;
    told = now;
    const speed = done / 1024 ** 2 / Math.max(0.001, (now - started) / 1_000);
    const share = total === undefined || total === 0 ? "" : `${bar(done / total)} ${Math.floor((done / total) * 100)} %  `;
    const left = total === undefined ? "" : `, ${Math.ceil((total - done) / 1024 ** 2 / Math.max(0.001, speed))} s left`;
    const text = `${what}  ${share}${(done / 1024 ** 2).toFixed(1)} MB, ${speed.toFixed(1)} MB/s${left}`;
    process.stderr.write(process.stderr.isTTY ? `\r\u001b[2K${text}${done === total ? "\n" : ""}` : `${text}\n`);
  };
}

const bar = (share: number) => "▓".repeat(Math.round(share * 20)).padEnd(20, "░");
