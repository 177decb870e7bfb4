import { assetName } from './assets';
import { respond } from './responses';
import type { SessionView } from './wire';

/** Returns the only HTML there is: the page builds the rest. Nothing in it comes from the store. */
export function serveDocument(basePath: string, session: SessionView): Response {
  const at = `${basePath}/assets`;
  const html = `<!doctype html>
<html lang="en" data-base="${escaped(basePath)}" data-can-write="${session.canWrite ? 'yes' : 'no'}" data-version="${escaped(session.version)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>mageflow</title>
<link rel="icon" href="${escaped(`${at}/${assetName('icon.svg')}`)}">
<link rel="stylesheet" href="${escaped(`${at}/${assetName('page.css')}`)}">
<script type="module" src="${escaped(`${at}/${assetName('page.js')}`)}"></script>
</head>
<body>
<div id="app"></div>
<noscript>This page needs JavaScript.</noscript>
</body>
</html>
`;
  return respond(200, html, { 'content-type': 'text/html; charset=utf-8' });
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
