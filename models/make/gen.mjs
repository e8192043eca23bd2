// writes training conversations: node gen.mjs SEED N > train.jsonl
import { rng, sample, story, SYSTEMS } from "../world.mjs";
const [seed, n] = process.argv.slice(2).map(Number); const r = rng(seed); let buf = [];
for (let i = 0; i < n; i++) {
  let o;
  if (r.chance(0.01)) o = { raw: story(r).text };
  else { const s = sample(r); o = { t: s.task, q: s.qa[0], a: s.qa[1] }; if (r.chance(0.2)) o.s = r.pick(SYSTEMS); }
  buf.push(JSON.stringify(o)); if (buf.length === 5000) { process.stdout.write(buf.join("\n") + "\n"); buf = []; }
}
if (buf.length) process.stdout.write(buf.join("\n") + "\n");
