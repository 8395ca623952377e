// Serves dist/ with the fixtures of src/mocks behind it, without a Sendry:
//   node scripts/mock-server.mjs [--port 8090] [--empty] [--letters 3] [--token secret] [--residual 2]
// --empty starts with nothing received; POST /api/v1/events with anything then counts one event.
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createServer as createVite } from 'vite';

const { values: flags } = parseArgs({
  options: {
    port: { type: 'string', default: '8090' },
    letters: { type: 'string', default: '0' },
    residual: { type: 'string', default: '0' },
    token: { type: 'string' },
    empty: { type: 'boolean', default: false },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

// Vite reads the TypeScript of the mocks; it serves nothing here.
const vite = await createVite({
  root,
  server: { middlewareMode: true, ws: false },
  appType: 'custom',
  logLevel: 'error',
});
const { createBackend } = await vite.ssrLoadModule('/src/mocks/backend.ts');
const backend = createBackend({ letters: Number(flags.letters), ...(flags.empty ? { counted: 0 } : {}) });
backend.token = flags.token ?? null;
backend.residual = Number(flags.residual);

async function answer(request) {
  const { pathname } = new URL(request.url);
  if (pathname === '/api/v1/events') {
    backend.counted += 1;
    return new Response(null, { status: 202 });
  }
  if (pathname.startsWith('/api/')) {
    if (!flags.empty) backend.counted += 7;
    return backend.handle(request);
  }
  const file = join(dist, normalize(pathname === '/' ? '/index.html' : pathname));
  const body = await readFile(file).catch(() => null);
  if (!body) return new Response('not found', { status: 404 });
  return new Response(body, {
    headers: { 'content-type': types[extname(file)] ?? 'application/octet-stream' },
  });
}

createHttpServer(async (incoming, outgoing) => {
  const hasBody = incoming.method !== 'GET' && incoming.method !== 'HEAD';
  const request = new Request(`http://${incoming.headers.host}${incoming.url}`, {
    method: incoming.method,
    headers: incoming.headers,
    ...(hasBody ? { body: Readable.toWeb(incoming), duplex: 'half' } : {}),
  });
  const response = await answer(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(Buffer.from(await response.arrayBuffer()));
}).listen(Number(flags.port), '127.0.0.1', () => console.log(`http://127.0.0.1:${flags.port}`));
