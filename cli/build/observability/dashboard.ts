/** A dashboard of Grafana (schema 39), as the JSON that it imports. */

/** Units of Grafana. */
export type Unit = 'short' | 's' | 'bytes' | 'Bps' | 'reqps' | 'percentunit'

export interface Query {
  /** PromQL; `$instance` is what the dashboard has chosen. */
  readonly expr: string
  /** With labels: `{{instance}}`. */
  readonly legend: string
  /** A mesh without trouble has no data for it. @default false */
  readonly mayBeEmpty?: boolean
}

export interface Panel {
  readonly title: string
  /** What a reader should see in it. */
  readonly about: string
  readonly unit: Unit
  /** `stat`: one number, the last; `graph`: over time. @default graph */
  readonly kind?: 'graph' | 'stat'
  readonly queries: readonly Query[]
}

export interface Dashboard {
  /** Name of its file, and its uid. */
  readonly uid: string
  readonly title: string
  readonly panels: readonly Panel[]
}

const datasource = { type: 'prometheus', uid: '${datasource}' }
/** Grafana divides the page into 24 columns. */
const columns = 24
const sizes = { stat: { w: 6, h: 4 }, graph: { w: 12, h: 8 } } as const

export function dashboardJson({ uid, title, panels }: Dashboard): string {
  const dashboard = {
    uid,
    title,
    tags: ['agent-mesh'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    annotations: { list: [] },
    templating: { list: [datasourceVariable, instanceVariable] },
    panels: placed(panels),
  }
  return `${JSON.stringify(dashboard, undefined, 2)}\n`
}

const datasourceVariable = {
  name: 'datasource',
  label: 'Data source',
  type: 'datasource',
  query: 'prometheus',
}

const instanceVariable = {
  name: 'instance',
  label: 'Instance',
  type: 'query',
  datasource,
  query: 'label_values(up{job=~"agent-mesh-.*"}, instance)',
  multi: true,
  includeAll: true,
  allValue: '.*',
  current: { text: 'All', value: '$__all' },
  refresh: 2,
}

/** From left to right, in rows. */
function placed(panels: readonly Panel[]): object[] {
  let [x, y, height] = [0, 0, 0]
  return panels.map((panel, i) => {
    const { w, h } = sizes[panel.kind ?? 'graph']
    if (x + w > columns) [x, y, height] = [0, y + height, 0]
    const place = { x, y, w, h }
    x += w
    height = Math.max(height, h)
    return panelJson(panel, i + 1, place)
  })
}

function panelJson(
  { title, about, unit, kind = 'graph', queries }: Panel,
  id: number,
  gridPos: object,
): object {
  return {
    id,
    title,
    description: about,
    type: kind === 'graph' ? 'timeseries' : 'stat',
    datasource,
    gridPos,
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    targets: queries.map(({ expr, legend }, i) => ({
      refId: String.fromCharCode(65 + i),
      datasource,
      expr,
      legendFormat: legend,
    })),
  }
}
