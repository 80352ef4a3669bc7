/** What the how-to page shows is what its code prints. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const SOURCES = join(ROOT, "pwa", "sdk", "src");

test("docs/how-to/merge-in-typescript.md prints what it says", () => {
  const page = readFileSync(join(ROOT, "docs", "how-to", "merge-in-typescript.md"), "utf8");
  const blocks = (language: string) =>
    [...page.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs"))].map((block) => block[1] as string);
  const code = blocks("typescript")
    .join("\n")
    .replaceAll('"@cairnfield/sdk"', JSON.stringify(join(SOURCES, "index.ts")))
    .replaceAll('"@cairnfield/sdk/explain"', JSON.stringify(join(SOURCES, "explain.ts")));
  const folder = mkdtempSync(join(import.meta.dirname, "documented-"));
  try {
    writeFileSync(join(folder, "page.ts"), code);
    expect(execFileSync(process.execPath, [join(folder, "page.ts")], { encoding: "utf8" })).toBe(
      blocks("text").join(""),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
