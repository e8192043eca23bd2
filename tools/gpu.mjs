// Replaces the empty packages that stand in for GPU builds of node-llama-cpp by the real ones: node tools/gpu.mjs cuda|vulkan
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const ROOT = path.dirname(import.meta.dirname);
const kinds = { cuda: ["cuda", "cuda-ext"], vulkan: ["vulkan"] }[process.argv[2]];
if (kinds === undefined) {
  console.error("Usage: node tools/gpu.mjs cuda|vulkan");
  process.exit(1);
}
const names = kinds.map((kind) => `@node-llama-cpp/linux-x64-${kind}`);

function edit(file, change) {
  const content = JSON.parse(readFileSync(path.join(ROOT, file), "utf8"));
  change(content);
  writeFileSync(path.join(ROOT, file), `${JSON.stringify(content, null, 2)}\n`);
}

edit("package.json", (content) => names.forEach((name) => delete content.optionalDependencies[name]));
edit("package-lock.json", ({ packages }) => {
  for (const name of names) {
    delete packages[""].optionalDependencies[name];
    delete packages[`node_modules/${name}`];
  }
});
rmSync(path.join(ROOT, "node_modules", ".package-lock.json"), { force: true });
for (const name of names) rmSync(path.join(ROOT, "node_modules", name), { force: true, recursive: true });
console.log(`Removed the stand-ins of ${names.join(", ")}. Now run: npm install --ignore-scripts`);
