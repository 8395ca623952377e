// node scripts/axe.mjs URL [--dark]: accessibility rules of axe-core (WCAG 2.2 AA) on the page as drawn.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { openPage } from './browser.mjs';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { dark: { type: 'boolean', default: false }, width: { type: 'string', default: '1440' } },
});
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const { page, close } = await openPage(positionals[0], { ...flags, height: '1000' });
try {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    window.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] }),
  );
  for (const { id, help, nodes } of violations) {
    console.log(`${id}: ${help} (${nodes.length})`);
    for (const node of nodes.slice(0, 3))
      console.log(`  ${node.html.slice(0, 160)}\n  ${node.any[0]?.message ?? ''}`);
  }
  console.log(`${violations.length} violations`);
  process.exitCode = violations.length > 0 ? 1 : 0;
} finally {
  await close();
}
