// What a first visit loads, gzipped, against what we allow ourselves. Parts that a screen asks for later are listed apart.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT = 350 * 1024;
const dist = new URL('../dist/', import.meta.url);
const index = readFileSync(new URL('index.html', dist), 'utf8');
const sizes = readdirSync(new URL('assets/', dist))
  .filter((name) => /\.(js|css)$/.test(name))
  .map((name) => ({
    name,
    size: gzipSync(readFileSync(new URL(`assets/${name}`, dist))).length,
    // The formatter of texts comes with the first conversation, so that it counts as well.
    first: index.includes(name) || name.startsWith('markdown-'),
  }));
for (const { name, size, first } of sizes)
  console.log(`${(size / 1024).toFixed(1).padStart(7)} KiB  ${first ? 'first' : 'later'}  ${name}`);
const total = sizes.reduce((sum, { size, first }) => sum + (first ? size : 0), 0);
console.log(`${(total / 1024).toFixed(1).padStart(7)} KiB  first, of ${LIMIT / 1024}`);
process.exitCode = total > LIMIT ? 1 : 0;
