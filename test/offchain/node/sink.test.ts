import { expect } from "chai";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { LocalStore } from "../../../offchain/content/localStore.ts";
import { Journal } from "../../../offchain/node/journal.ts";
import { Sink } from "../../../offchain/node/sink.ts";
import { createLog } from "../../../offchain/runtime/log.ts";

describe("sink", () => {
  let folder: string;
  let journal: Journal;
  let results: LocalStore;
  let server: Server | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "sink-"));
    journal = new Journal(path.join(folder, "journal.db"), 31337n, `0x${"ee".repeat(20)}`);
    results = await LocalStore.open(path.join(folder, "results"));
    const digest = await results.put(new TextEncoder().encode("an answer"));
    const delivery = { task: 5n, seat: 1, attempt: 0, prompt: 0, digest };
    journal.deliver([delivery, { ...delivery, prompt: 1 }]);
    journal.deliver([delivery]);
  });
  afterEach(async () => {
    journal.close();
    rmSync(folder, { recursive: true });
    server?.close();
    server = undefined;
  });
  const log = createLog({ name: "test", level: "silent" });
  const opened = (target: string) => new Sink({ target, journal, results, log, onDelivered: () => undefined });

  it("writes each result into a folder once, also where it is told twice or starts again", async () => {
    const target = path.join(folder, "out");
    expect(await opened(target).deliver()).to.equal(true);
    expect(await opened(target).deliver()).to.equal(true);
    expect(readdirSync(target).sort()).to.deep.equal(["5-0-1-0.json", "5-0-1-1.json"]);
    expect(journal.deliveriesDue()).to.deep.equal([]);
  });

  it("posts with a key that is always the same for a result, keeps what was refused, and brings it later", async () => {
    const keys: string[] = [];
    let status = 500;
    server = createServer((request, response) => {
      keys.push(String(request.headers["idempotency-key"]));
      response.writeHead(status).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}/results`;
    expect(await opened(target).deliver()).to.equal(false);
    expect(journal.deliveriesDue().length).to.equal(2);
    status = 204;
    expect(await opened(target).deliver()).to.equal(true);
    expect(await opened(target).deliver()).to.equal(true);
    expect(keys).to.deep.equal(["5-0-1-0", "5-0-1-0", "5-0-1-1"]);
  });
});
