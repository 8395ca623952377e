import { chromium } from 'playwright-core';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Opens the page in the system's Chromium and waits until it has drawn its charts, or a screen without any. */
export async function openPage(url, { width, height, dark }) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ARGS,
  });
  try {
    const page = await browser.newPage({
      viewport: { width: Number(width), height: Number(height) },
      deviceScaleFactor: 2,
      colorScheme: dark ? 'dark' : 'light',
    });
    page.on('console', (line) => line.type() === 'error' && console.error('console:', line.text()));
    page.on('pageerror', (error) => console.error('page:', error.message));
    await page.goto(url);
    await page.locator('canvas, [data-screen]').first().waitFor({ timeout: 15_000 });
    // The other charts, and the transitions of what has just appeared.
    await page.waitForTimeout(700);
    return { page, close: () => browser.close() };
  } catch (error) {
    await browser.close();
    throw error;
  }
}
