import { expect } from "chai";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { KeyBoxes } from "../../../offchain/content/keyBoxes.ts";
import { LiveAnswers } from "../../../offchain/content/live.ts";
import { LocalStore } from "../../../offchain/content/localStore.ts";
import { Journal } from "../../../offchain/node/journal.ts";
import { serve } from "../../../offchain/node/server.ts";
import { oneLine } from "../../../offchain/runtime/exit.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

describe("a node among strangers", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), "hostile-"))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("4b metrics port: answers this machine only", async () => {
    const content = await LocalStore.open(path.join(folder, "content"));
    const live = { answers: new LiveAnswers(), allows: () => false };
    const health = () => ({ status: "ok" as const });
    const boxes = new KeyBoxes(new Uint8Array(32).fill(1));
    const options = {
      host: "127.0.0.1",
      port: 0,
      boxes,
      content,
      live,
      health,
      readiness: () => ({}),
      metrics: () => Promise.resolve("up 1\n"),
    };
    const { server } = await serve(options);
    try {
      const ask = async (remoteAddress: string, url = "/metrics") => (await server.inject({ url, remoteAddress })).statusCode;
      for (const near of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) expect(await ask(near)).to.equal(200);
      for (const far of ["10.0.0.7", "192.168.1.1", "203.0.113.9", "::ffff:10.0.0.1", "2001:db8::1"]) expect(await ask(far)).to.equal(404);
      expect(await ask("203.0.113.9", "/readyz")).to.equal(200);
    } finally {
      await server.close();
    }
  });

  it("4b malicious metadata: no control character, no endless line reaches a terminal or a log", () => {
    const corpus = [
      "\u001b[2J\u001b]0;owned\u0007",
      "a\nb\r\nc",
      "\u0000\u009b31m",
      "${process.env}",
      "../../etc/passwd",
      "<script>",
      "x".repeat(1e6),
    ];
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    for (const text of corpus) {
      const line = oneLine(new Error(text));
      // eslint-disable-next-line no-control-regex -- these are what must not be there.
      expect(line).not.to.match(/[\u0000-\u001f\u007f-\u009f]/);
      expect(line.length).to.be.at.most(1_000);
      log.info({ error: line }, "test");
    }
    expect(lines.length).to.equal(corpus.length);
    for (const line of lines) expect(line.trim()).not.to.include("\n");
  });

  it("4b clock skew: nothing that decides or acts reads the calendar", () => {
    const files = globSync("offchain/{chain,protocol}/*.ts", { cwd: ROOT }).concat(
      globSync("offchain/node/{acts,roles}/*.ts", { cwd: ROOT }),
    );
    const deciding = ["decide", "loop", "world", "execute", "work", "journal", "acts"].map((name) => `offchain/node/${name}.ts`);
    for (const file of [...files, ...deciding])
      expect(readFileSync(path.join(ROOT, file), "utf8"), file).not.to.match(/Date\.now|new Date\(/);
  });

  it("4b disk full: a commitment that cannot be written is an error, and nothing of it is there afterwards", () => {
    const journal = new Journal(path.join(folder, "journal.db"), 31337n, `0x${"ee".repeat(20)}`);
    const hex = (byte: string) => `0x${byte.repeat(32)}`;
    const work = {
      ...{ task: 5n, seat: 1, attempt: 0, node: 3, answers: `0x${"12".repeat(20_000)}`, claim: hex("aa"), salt: hex("bb") },
      ...{ commitment: hex("cc"), r: hex("01"), vs: hex("02"), contents: [hex("aa")] },
    };
    journal.limitPages(1);
    expect(() => journal.saveWork(work))
      .to.throw()
      .with.property("code", "SQLITE_FULL");
    journal.limitPages();
    expect(journal.work(5n, 1)).to.equal(undefined);
    expect(journal.commitments()).to.deep.equal([]);
    journal.saveWork(work);
    expect(journal.work(5n, 1)?.commitment).to.equal(work.commitment);
    journal.close();
  });
});
