import path from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const here = fileURLToPath(new URL(".", import.meta.url));
const offchain = path.dirname(path.resolve(here));

/** Files of the SDK that read disks or use Node's own modules, and what stands for them in a browser: the same exports. */
const SUBSTITUTES: Record<string, string> = {
  "chain/abis.ts": "chain/abis.ts",
  "content/contentId.ts": "chain/contentId.ts",
};

function substitutes(): Plugin {
  return {
    name: "substitutes",
    enforce: "pre",
    resolveId(source, importer) {
      if (importer === undefined || !source.startsWith(".")) return null;
      const wanted = path.relative(offchain, path.resolve(path.dirname(importer), source));
      const found = SUBSTITUTES[wanted];
      return found === undefined ? null : path.join(here, found);
    },
  };
}

export default defineConfig({
  root: here,
  base: "/",
  plugins: [substitutes()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: path.join(here, "../../cache/dashboard"),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: false,
  },
  logLevel: "warn",
});
