// What a first visit loads, gzipped, against what we allow ourselves.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT = 350 * 1024;
const assets = new URL('../dist/assets/', import.meta.url);
const sizes = readdirSync(assets)
  .filter((name) => /\.(js|css)$/.test(name))
  .map((name) => ({ name, size: gzipSync(readFileSync(new URL(name, assets))).length }));
for (const { name, size } of sizes) console.log(`${(size / 1024).toFixed(1).padStart(7)} KiB  ${name}`);
const total = sizes.reduce((sum, { size }) => sum + size, 0);
console.log(`${(total / 1024).toFixed(1).padStart(7)} KiB  in total, of ${LIMIT / 1024}`);
process.exitCode = total > LIMIT ? 1 : 0;
