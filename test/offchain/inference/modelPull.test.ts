import { expect } from "chai";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { pullFile } from "../../../offchain/inference/modelPull.ts";

const BYTES = Buffer.alloc(300_000, "model bytes ");
const SHA256 = createHash("sha256").update(BYTES).digest("hex");

describe("pulling a model", () => {
  let folder: string;
  let file: string;
  let server: Server;
  let url: string;
  let ranges: (string | undefined)[];
  let serve: (from: number, response: ServerResponse) => void;

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "pull-"));
    file = path.join(folder, "model.gguf");
    ranges = [];
    serve = (from, response) => void response.end(BYTES.subarray(from));
    server = createServer((request, response) => {
      ranges.push(request.headers.range);
      const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      if (from > 0) response.writeHead(206, { "content-range": `bytes ${from}-${BYTES.length - 1}/${BYTES.length}` });
      else response.writeHead(200, { "content-length": BYTES.length });
      serve(from, response);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.gguf`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    rmSync(folder, { recursive: true });
  });
  const failure = async (promise: Promise<unknown>) =>
    await promise.then(
      () => undefined,
      (error: unknown) => error,
    );

  it("goes on where a broken connection left off, and tells how far it is", async () => {
    let tries = 0;
    const told: number[] = [];
    serve = (from, response) => {
      if (++tries === 3) return void response.end(BYTES.subarray(from));
      response.write(BYTES.subarray(from, from + 100_000));
      // A reset takes back what the other side has not read yet.
      const breakOff = () => void ((told.at(-1) ?? 0) >= from + 100_000 ? response.destroy() : setTimeout(breakOff, 10));
      breakOff();
    };
    expect(await pullFile({ url, file, sha256: SHA256, onProgress: (done) => told.push(done) })).to.equal(BYTES.length);
    expect(readFileSync(file).equals(BYTES)).to.equal(true);
    expect(ranges[0]).to.equal(undefined);
    expect(ranges.slice(1).every((range) => range !== undefined)).to.equal(true);
    expect(told.at(-1)).to.equal(BYTES.length);
    expect(existsSync(`${file}.part`)).to.equal(false);
  });

  it("uses the part that an earlier run left", async () => {
    writeFileSync(`${file}.part`, BYTES.subarray(0, 200_000));
    await pullFile({ url, file, sha256: SHA256 });
    expect(ranges).to.deep.equal(["bytes=200000-"]);
    expect(readFileSync(file).equals(BYTES)).to.equal(true);
  });

  it("K9: never gives wrong bytes the file's name, and leaves nothing to resume from", async () => {
    serve = (_from, response) => void response.end(Buffer.alloc(BYTES.length, 1));
    expect(await failure(pullFile({ url, file, sha256: SHA256 }))).to.include({ code: "ModelHashMismatch" });
    expect(existsSync(file) || existsSync(`${file}.part`)).to.equal(false);
  });

  it("ends a download that stands still, and says so where it never comes through", async () => {
    serve = (from, response) => void response.write(BYTES.subarray(from, from + 10));
    const error = await failure(pullFile({ url, file, sha256: SHA256, stallMs: 50, retries: 1 }));
    expect((error as Error).message)
      .to.include("broke off 2 times")
      .and.include("run it again");
    expect(await failure(pullFile({ url: "file:///etc/passwd", file, sha256: SHA256 }))).to.include({ code: "ModelMissing" });
  });
});
