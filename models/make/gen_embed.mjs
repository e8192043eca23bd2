// paraphrase groups for the embedding model: one line {t:task, g:[token id lists of texts that mean the same]}
import fs from "node:fs"; import { rng, TASKS } from "../world.mjs"; import { Tokenizer } from "./bpe.mjs";
const [seed, n, tokf] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]]; const r = rng(seed), T = new Tokenizer(JSON.parse(fs.readFileSync(tokf, "utf8")));
const skip = new Set(["chat", "unknown", "sentiment", "story", "countto", "evenodd", "count"]); const tasks = Object.keys(TASKS).filter((t) => !skip.has(t)); const m = new Map();
for (let i = 0; i < n; i++) { const t = r.pick(tasks); const [q, a] = TASKS[t](r, false); const k = t + "\0" + a; let g = m.get(k); if (!g) m.set(k, g = { t, a, q: new Set() }); if (g.q.size < 8) g.q.add(q); }
const noisy = (s) => { const w = s.split(" "); const c = r.int(0, 5); if (c === 0) return s.toLowerCase(); if (c === 1) return s.replace(/[.?]$/, ""); if (c === 2) return "Answer: " + s; if (c === 3) return s.replace(/[.?]$/, "!"); if (c === 4 && w.length > 3) { w.splice(r.int(0, w.length - 1), 1); return w.join(" "); } return "I think that " + s[0].toLowerCase() + s.slice(1); };
const out = []; for (const g of m.values()) { const texts = [g.a, noisy(g.a), noisy(g.a), ...g.q]; out.push(JSON.stringify({ t: g.t, g: texts.map((x) => T.encode(x)) })); }
process.stdout.write(out.join("\n") + "\n");
