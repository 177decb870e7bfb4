import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { toNodeListener, type Viewer } from '../../src/viewer';

const root = path.resolve(__dirname, '../..');

/** A real browser, and viewers that it can reach. */
export class BrowserFixture {
  private readonly servers: Server[] = [];
  private readonly contexts: BrowserContext[] = [];
  /** Complaints of pages: errors of scripts, and requests that the content security policy has refused. */
  readonly complaints: string[] = [];

  private constructor(private readonly browser: Browser) {}

  static async open(): Promise<BrowserFixture> {
    const script = path.join(root, 'scripts/chromium.mjs');
    const executablePath = execFileSync(process.execPath, [script], { encoding: 'utf8' }).trim();
    // Root has no sandbox.
    return new BrowserFixture(await chromium.launch({ executablePath, args: ['--no-sandbox'] }));
  }

  /** Serves a viewer, and returns its address. */
  async serve(viewer: Viewer): Promise<string> {
    return `${await this.listen(createServer(toNodeListener(viewer)))}${viewer.basePath}`;
  }

  /** Starts a server that is closed with the browser, and returns its origin. */
  async listen(server: Server): Promise<string> {
    server.listen(0, '127.0.0.1');
    this.servers.push(server);
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async context(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    this.contexts.push(context);
    context.on('page', (page) => this.heed(page));
    return context;
  }

  async page(address: string, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await (await this.context(options)).newPage();
    await page.goto(address);
    return page;
  }

  private heed(page: Page): void {
    page.on('pageerror', (error) => this.complaints.push(`${page.url()}: ${error.message}`));
    page.on('console', (message) => {
      // A refused request is an answer that pages are made for.
      if (message.type() === 'error' && !/Failed to load resource|ERR_/.test(message.text()))
        this.complaints.push(`${page.url()}: ${message.text()}`);
    });
    page.on('dialog', (dialog) => {
      this.complaints.push(`${page.url()}: a dialog of a script: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }

  async close(): Promise<void> {
    for (const context of this.contexts) await context.close();
    await this.browser.close();
    for (const server of this.servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
}

/** Returns the faults that axe calls serious or worse, as short texts. */
export async function seriousFaults(page: Page): Promise<string[]> {
  const source = readFileSync(path.join(root, 'node_modules/axe-core/axe.min.js'), 'utf8');
  await page.evaluate(source);
  const result = (await page.evaluate(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, where: nodes.map((node) => node.target.join(' ')).slice(0, 3) })))",
  )) as { id: string; impact: string; where: string[] }[];
  return result
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, where }) => `${id}: ${where.join(', ')}`);
}

/** Returns whether a page is wider than its window. */
export async function overflows(page: Page): Promise<boolean> {
  return (await page.evaluate('document.documentElement.scrollWidth > window.innerWidth')) as boolean;
}
