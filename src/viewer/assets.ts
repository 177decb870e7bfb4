import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { pageAssets } from './assets.generated';
import { respond } from './responses';

interface Asset {
  type: string;
  gzipped: Buffer;
}

const types: Record<string, string> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** A name with a mark of its content, so that a browser may keep it for ever. */
function nameOf(file: string, gzipped: Buffer): string {
  const mark = createHash('sha256').update(gzipped).digest('hex').slice(0, 10);
  return file.replace('.', `-${mark}.`);
}

let made: { names: Map<string, string>; byName: Map<string, Asset> } | undefined;

function assets() {
  if (made) return made;
  made = { names: new Map(), byName: new Map() };
  for (const [file, text] of Object.entries(pageAssets)) {
    const gzipped = Buffer.from(text, 'base64');
    const name = nameOf(file, gzipped);
    made.names.set(file, name);
    made.byName.set(name, { type: types[file.split('.').at(-1) ?? ''] ?? 'application/octet-stream', gzipped });
  }
  return made;
}

/** Returns the name under which a file of the page is served. */
export function assetName(file: string): string {
  return assets().names.get(file) ?? file;
}

/** Returns a file of the page; undefined for an unknown name. */
export function serveAsset(name: string, request: Request): Response | undefined {
  const asset = assets().byName.get(name);
  if (!asset) return undefined;
  const headers = {
    'content-type': asset.type,
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'accept-encoding',
  };
  if (/\bgzip\b/.test(request.headers.get('accept-encoding') ?? ''))
    return respond(200, new Uint8Array(asset.gzipped), { ...headers, 'content-encoding': 'gzip' });
  return respond(200, new Uint8Array(gunzipSync(asset.gzipped)), headers);
}
