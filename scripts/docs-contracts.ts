// Renders the prose of contracts/ (NatSpec, as solc understands it) to one page that needs nothing else.
//
//   npm run docs:contracts -- [--out FILE]      default: cache/docs/contracts.html
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { parseArgs } from "node:util";
import { type Fragment, type FunctionFragment, id, Interface, type InterfaceAbi } from "ethers";
import { sourcesOf } from "./mutation/build.ts";

interface Prose {
  notice?: string;
  details?: string;
  params?: Record<string, string>;
  returns?: Record<string, string>;
}
interface Docs {
  notice?: string;
  title?: string;
  details?: string;
  methods?: Record<string, Prose>;
  events?: Record<string, Prose>;
  errors?: Record<string, Prose[]>;
}
interface Compiled {
  abi: InterfaceAbi;
  userdoc: Docs;
  devdoc: Docs;
}

const ROOT = path.dirname(import.meta.dirname);
const { values: options } = parseArgs({ options: { out: { type: "string", default: path.join("cache", "docs", "contracts.html") } } });

function compile(): Record<string, Record<string, Compiled>> {
  const solc = createRequire(import.meta.url)("solc") as { compile(input: string, callbacks: object): string };
  const sources = Object.fromEntries(Object.entries(sourcesOf()).map(([file, content]) => [file, { content }]));
  const settings = { evmVersion: "prague", outputSelection: { "*": { "*": ["abi", "userdoc", "devdoc"] } } };
  const read = (name: string): object => {
    const file = path.join(ROOT, "node_modules", name);
    return existsSync(file) ? { contents: readFileSync(file, "utf8") } : { error: `${name} was not found` };
  };
  const output = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings }), { import: read })) as {
    contracts: Record<string, Record<string, Compiled>>;
  };
  return Object.fromEntries(Object.entries(output.contracts).filter(([file]) => file.startsWith("contracts/")));
}

const escape = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
/** NatSpec is plain text in which backticks mean code. */
const prose = (text = ""): string => escape(text.trim()).replace(/`([^`]+)`/g, "<code>$1</code>");
const paragraph = (text: string | undefined, kind = ""): string =>
  text === undefined || text === "" ? "" : `<p class="${kind}">${prose(text)}</p>`;
const list = (entries: Record<string, string> | undefined, title: string): string =>
  entries === undefined || Object.keys(entries).length === 0
    ? ""
    : `<h5>${title}</h5><dl>${Object.entries(entries)
        .map(([name, text]) => `<dt><code>${escape(name.replace(/^_(\d+)$/, "value $1"))}</code></dt><dd>${prose(text)}</dd>`)
        .join("")}</dl>`;

function member(kind: string, fragment: Fragment & { name: string }, user: Prose | undefined, dev: Prose | undefined): string {
  const signature = fragment.format("full").replace(/^(function|event|error) /, "");
  const mark = kind === "error" || kind === "function" ? id(fragment.format("sighash")).slice(0, 10) : "";
  return [
    `<section class="member"><h4><span class="kind">${kind}</span> ${escape(fragment.name)} <small>${mark}</small></h4>`,
    `<pre>${escape(signature)}</pre>`,
    paragraph(user?.notice),
    paragraph(dev?.details, "details"),
    list(dev?.params, "Parameters"),
    list(dev?.returns, "Returns"),
    "</section>",
  ].join("");
}

function page(file: string, name: string, { abi, userdoc, devdoc }: Compiled): string {
  const shape = new Interface(abi);
  const members: string[] = [];
  shape.forEachFunction((fragment: FunctionFragment) => {
    const key = fragment.format("sighash");
    members.push(member("function", fragment, userdoc.methods?.[key], devdoc.methods?.[key]));
  });
  shape.forEachEvent((fragment) => {
    const key = fragment.format("sighash");
    members.push(member("event", fragment, userdoc.events?.[key], devdoc.events?.[key]));
  });
  shape.forEachError((fragment) => {
    const key = fragment.format("sighash");
    members.push(member("error", fragment, userdoc.errors?.[key]?.[0], devdoc.errors?.[key]?.[0]));
  });
  const head = `<h2 id="${name}">${name}</h2><p class="file">${escape(file)}</p>`;
  return `<article>${head}${paragraph(devdoc.title)}${paragraph(userdoc.notice)}${paragraph(devdoc.details, "details")}${members.join("")}</article>`;
}

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;margin:0;display:grid;grid-template-columns:17rem 1fr;color:#1a1a1a;background:#fff}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1rem;background:#f4f4f2;box-sizing:border-box}nav a{display:block;color:inherit;text-decoration:none;padding:.1rem 0}
nav a:hover,nav a:focus{text-decoration:underline}nav h3{margin:1rem 0 .2rem;font-size:.85rem;color:#555}main{padding:1rem 2rem;max-width:60rem;min-width:0}
pre{background:#f4f4f2;padding:.5rem;overflow:auto;white-space:pre-wrap}.member{border-top:1px solid #ddd;padding:.3rem 0}h4{margin:.6rem 0 .2rem}h5{margin:.5rem 0 0}
.kind,small,.file{color:#666;font-weight:normal}.details{color:#444;font-style:italic}dl{margin:.2rem 0 .6rem;display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}dd{margin:0}
@media(max-width:50rem){body{display:block}nav{position:static;height:auto}}@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}nav,pre{background:#222}.member{border-color:#333}
.kind,small,.file,nav h3{color:#aaa}.details{color:#bbb}}`;

const folders = new Map<string, string[]>();
const articles: string[] = [];
for (const [file, contracts] of Object.entries(compile()).sort()) {
  for (const [name, compiled] of Object.entries(contracts)) {
    const folder = path.dirname(file).replace(/^contracts\//, "");
    folders.set(folder, [...(folders.get(folder) ?? []), name]);
    articles.push(page(file, name, compiled));
  }
}
const menu = [...folders].map(([folder, names]) => `<h3>${folder}</h3>${names.map((name) => `<a href="#${name}">${name}</a>`).join("")}`);
const title = "Corroborate: the contracts";
const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head><body><nav aria-label="Contracts"><strong>${title}</strong>${menu.join("")}</nav><main><h1>${title}</h1>${articles.join("\n")}</main></body></html>\n`;
const out = path.resolve(ROOT, options.out);
mkdirSync(path.dirname(out), { recursive: true });
writeFileSync(out, html);
console.log(`${articles.length} contracts, interfaces and libraries: ${path.relative(process.cwd(), out)}`);
