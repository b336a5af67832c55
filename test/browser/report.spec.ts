/// <reference lib="dom" />
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emptyDirectory, kmemlab } from '../e2e/command.js';
import { launchChromium } from './chromium.js';
import { factsOf } from './page-facts.js';

/** Least contrast of text that is not large (WCAG 2.2, AA). */
const READABLE = 4.5;

/** A report of a command's runs, and what its pictures are. */
interface Subject {
  readonly title: string;
  readonly run: string;
  readonly charts: readonly string[];
}

const SUBJECTS: readonly Subject[] = [
  {
    title: 'two kernels on the live machine',
    run: 'compare avoid-ipis --kernel v4.10 --kernel v4.10+avoid-kick-on-create --nodes 2 --cpus-per-node 2 --param loops=20',
    charts: [
      ...['ipis-per-cpu', 'kick-latency', 'kick-distribution', 'locks', 'ipis-over-time', 'grace-periods', 'zombies'],
      ...['caches', 'messages-same-node', 'messages-cross-node', 'node-pairs'],
    ],
  },
  {
    title: 'two kernels with two seeds on the deterministic machine',
    run: 'compare zombies --engine sim --kernel v5.2 --kernel v5.3 --seeds 2 --param generations=10 --cpus-per-node 2',
    charts: ['generations', 'zombies', 'caches', 'messages-same-node', 'messages-cross-node'],
  },
  {
    title: 'a verdict',
    run: 'run tune-slabinfo --engine sim --kernel v4.10+never-kick --param irqOffCpu=1',
    charts: ['verdict-1', 'messages-same-node'],
  },
];

const VIEWS: Readonly<Record<string, BrowserContextOptions>> = {
  light: { colorScheme: 'light', viewport: { width: 1200, height: 900 } },
  dark: { colorScheme: 'dark', viewport: { width: 1200, height: 900 } },
  'light, on a phone': { colorScheme: 'light', viewport: { width: 400, height: 800 } },
  'dark, on a phone': { colorScheme: 'dark', viewport: { width: 400, height: 800 } },
};

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser?.close());

/** A page with the report, and everything that it said or asked for besides. */
async function opened(file: string, options: BrowserContextOptions): Promise<{ page: Page; unasked: string[] }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const url = pathToFileURL(file).href;
  const unasked: string[] = [];
  page.on('console', (message) => unasked.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => unasked.push(`error: ${error.message}`));
  page.on('request', (request) => {
    if (request.url() !== url) unasked.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, unasked };
}

describe.each(SUBJECTS)('the report of $title', ({ run, charts }) => {
  let file: string;
  beforeAll(async () => {
    const folder = emptyDirectory();
    const { status, stderr } = await kmemlab([...run.split(' '), '--out', 'mine'], folder);
    expect(status, stderr).toBeLessThanOrEqual(1);
    const made = await kmemlab(['report', 'mine', '--out', 'report.html'], folder);
    expect(made).toMatchObject({ status: 0 });
    file = join(folder, 'report.html');
  });

  it.each(Object.entries(VIEWS))('is readable: %s', async (_, view) => {
    const { page, unasked } = await opened(file, view);
    const { texts, overflow, charts: drawn, anchors } = await factsOf(page);
    expect(unasked).toEqual([]);
    expect(overflow).toBeLessThanOrEqual(0);
    expect(texts.length).toBeGreaterThan(3);
    for (const { text, contrast } of texts) expect(contrast, text).toBeGreaterThanOrEqual(READABLE);
    expect(drawn.map(({ name }) => name)).toEqual(expect.arrayContaining([...charts]));
    for (const { name, width, height, marks } of drawn) {
      expect(Math.min(width, height), name).toBeGreaterThan(100);
      expect(marks, name).toBeGreaterThan(3);
    }
    expect(anchors.length).toBeGreaterThan(4);
    expect(anchors.filter(({ found }) => !found)).toEqual([]);
    await page.context().close();
  });

  it('is dark on a dark screen only', async () => {
    const paper = async (options: BrowserContextOptions, media: 'screen' | 'print') => {
      const { page } = await opened(file, options);
      await page.emulateMedia({ media });
      const colours = await page.evaluate(() => [
        getComputedStyle(document.body).backgroundColor,
        getComputedStyle(document.querySelector('.kc-page') as Element).fill,
      ]);
      await page.context().close();
      return colours;
    };
    const white = ['rgb(255, 255, 255)', 'rgb(255, 255, 255)'];
    expect(await paper({ colorScheme: 'light' }, 'screen')).toEqual(white);
    expect(await paper({ colorScheme: 'dark' }, 'print')).toEqual(white);
    const [page, chart] = await paper({ colorScheme: 'dark' }, 'screen');
    expect(page).not.toBe(white[0]);
    expect(chart).toBe(page);
  });

  it('prints everything, also what is folded on the screen', async () => {
    const { page, unasked } = await opened(file, { viewport: { width: 800, height: 1100 } });
    const folded = page.locator('details pre').first();
    expect(await folded.isVisible()).toBe(false);
    await page.emulateMedia({ media: 'print' });
    expect(await folded.isVisible()).toBe(true);
    expect((await factsOf(page)).overflow).toBeLessThanOrEqual(0);
    expect((await page.pdf({ format: 'A4' })).subarray(0, 5).toString()).toBe('%PDF-');
    expect(unasked).toEqual([]);
    await page.context().close();
  });

  it('unfolds, and goes where its contents point', async () => {
    const { page, unasked } = await opened(file, { viewport: { width: 1200, height: 600 } });
    await page.locator('nav a', { hasText: 'In full' }).click();
    expect(await page.locator('#in-full').isVisible()).toBe(true);
    await page.locator('summary').first().click();
    expect(await page.locator('details pre').first().isVisible()).toBe(true);
    expect(unasked).toEqual([]);
    await page.context().close();
  });
});
