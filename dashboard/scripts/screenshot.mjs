// node scripts/screenshot.mjs URL OUT.png [--dark] [--width 1440] [--height 1000] [--full] [--click "button name"]… [--hover]
import { parseArgs } from 'node:util';
import { openPage } from './browser.mjs';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dark: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    hover: { type: 'boolean', default: false },
    width: { type: 'string', default: '1440' },
    height: { type: 'string', default: '1000' },
    click: { type: 'string', multiple: true, default: [] },
  },
});
const [url, out] = positionals;
if (!url || !out) {
  console.error(
    'usage: screenshot.mjs URL OUT.png [--dark] [--width W] [--height H] [--full] [--click NAME] [--hover]',
  );
  process.exit(2);
}

const { page, close } = await openPage(url, flags);
try {
  for (const name of flags.click) {
    await page.getByRole('button', { name }).first().click();
    await page.waitForTimeout(400);
  }
  if (flags.hover) {
    const box = await page.locator('canvas').first().boundingBox();
    if (box) await page.mouse.move(box.x + box.width * 0.64, box.y + box.height * 0.4);
    await page.waitForTimeout(300);
  }
  await page.screenshot({ path: out, fullPage: flags.full });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  console.log(`${out} ${flags.width}x${flags.height}${overflow > 0 ? ` OVERFLOWS BY ${overflow}px` : ''}`);
} finally {
  await close();
}
