/** The package stays small enough for a phone on a bad line. */

import { existsSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";

const BYTES_MAX = 12 * 1024;
const SOURCES = new URL("../src/", import.meta.url);

test(`the package is at most ${BYTES_MAX} bytes, minified and gzipped`, async () => {
  const { bytes, modules } = await packed();
  expect(bytes, `minified bytes before gzip, by module:\n${modules.join("\n")}\n`).toBeLessThanOrEqual(BYTES_MAX);
});

test("the package depends on nothing: whatever it imports is a file of its own", async () => {
  const { modules } = await packed();
  expect(modules.filter((line) => line.includes("node_modules"))).toEqual([]);
});

async function packed(): Promise<{ bytes: number; modules: string[] }> {
  const result = await build({
    absWorkingDir: SOURCES.pathname,
    stdin: { contents: entry(), resolveDir: SOURCES.pathname, loader: "ts" },
    bundle: true,
    format: "esm",
    metafile: true,
    minify: true,
    platform: "browser",
    target: "es2024",
    write: false,
  });
  const [output] = Object.values(result.metafile.outputs);
  const modules = Object.entries(output?.inputs ?? {})
    .map(([path, { bytesInOutput }]) => ({ path, bytesInOutput }))
    .sort((one, other) => other.bytesInOutput - one.bytesInOutput)
    .map(({ path, bytesInOutput }) => `${String(bytesInOutput).padStart(7)}  ${path}`);
  return { bytes: gzipSync(result.outputFiles[0]?.contents ?? "", { level: 9 }).length, modules };
}

/** Everything that the package exports; each module of it while it has no index. */
function entry(): string {
  if (existsSync(new URL("index.ts", SOURCES))) return 'export * from "./index.ts";';
  const modules = readdirSync(SOURCES).filter((name) => name.endsWith(".ts"));
  return modules.map((name, number) => `export * as module${number} from "./${name}";`).join("\n");
}
