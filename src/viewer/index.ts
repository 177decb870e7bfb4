export { createViewer, type Viewer } from './create-viewer';
export { toNodeListener } from './node-listener';
export type { RedactedPart, ViewerOptions, ViewerRights } from './options';
export type { ViewerReads, ViewerSource, ViewerWrites } from './source';
