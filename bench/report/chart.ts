import { median } from '../helpers/measure';
import type { Samples } from '../helpers/sampling';
import type { Result } from './results';

interface Case {
  items: number;
  ms: number;
  limit: number;
  samples: Samples;
}

/** A bar for each side of each case without work in the bodies, as SVG; undefined when they were not measured. */
export async function drawChart(results: readonly Result[]): Promise<string | undefined> {
  const sides = results.find(({ part }) => part === 'sides');
  if (!sides) return undefined;
  const values = (sides.raw as Case[])
    .filter(({ ms }) => ms === 0)
    .flatMap(({ items, limit, samples }) =>
      Object.entries(samples).map(([side, times]) => ({
        case: `${items.toLocaleString('en')} items at ${limit}`,
        side,
        seconds: median(times) / 1000,
        of: side.startsWith('mageflow') ? 'mageflow' : 'raw SDK',
      })),
    );
  const [vega, lite] = await Promise.all([import('vega'), import('vega-lite')]);
  const order = [...new Set(values.map(({ side }) => side))];
  const spec = lite.compile({
    data: { values },
    config: { font: 'sans-serif', background: 'white' },
    facet: {
      row: {
        field: 'case',
        type: 'nominal',
        title: null,
        sort: [...new Set(values.map((value) => value.case))],
        header: { labelOrient: 'top', labelAnchor: 'start', labelFontWeight: 'bold' },
      },
    },
    resolve: { scale: { x: 'independent' } },
    spec: {
      width: 420,
      height: { step: 18 },
      mark: { type: 'bar' },
      encoding: {
        y: { field: 'side', type: 'nominal', title: null, sort: order, axis: { labelLimit: 240 } },
        x: { field: 'seconds', type: 'quantitative', title: 'seconds to the end of all, median' },
        color: {
          field: 'of',
          type: 'nominal',
          title: null,
          scale: { domain: ['mageflow', 'raw SDK'], range: ['#2b6cb0', '#a0aec0'] },
        },
      },
    },
  }).spec;
  return new vega.View(vega.parse(spec), { renderer: 'none' }).toSVG();
}
