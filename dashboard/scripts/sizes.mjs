// Prints what a first visit downloads, gzipped, and fails above the budget.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET = 300 * 1024;
const dist = new URL('../dist/', import.meta.url);
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`.padStart(11);

let total = 0;
for (const name of readdirSync(dist, { recursive: true }).sort()) {
  if (!/\.(js|css|html|svg)$/.test(name)) continue;
  const body = readFileSync(new URL(name, dist));
  const packed = gzipSync(body, { level: 9 }).length;
  total += packed;
  console.log(`${kib(body.length)} ${kib(packed)} gzip  ${name}`);
}
console.log(`${' '.repeat(11)} ${kib(total)} gzip  in all, of ${kib(BUDGET).trim()}`);
if (total > BUDGET) process.exit(1);
