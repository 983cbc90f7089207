/** The navigation of the site: each page of docs/ stands in one group (test/house/site.test.ts). */
export interface Group {
  readonly text: string
  /** Paths in the checkout without `.md`, and what the navigation calls them. */
  readonly pages: Readonly<Record<string, string>>
}

export const groups: readonly Group[] = [
  {
    text: 'Start',
    pages: {
      README: 'What it is',
      'docs/tutorial': 'Tutorial',
      'docs/how-it-works': 'How a mesh works',
      'docs/comparison': 'Comparison',
    },
  },
  {
    text: 'Write services',
    pages: {
      'docs/services': 'Services',
      'docs/testing': 'Testing services',
      'docs/calls': 'Calls',
      'docs/topics': 'Topics',
      'docs/pipes': 'Pipes and files',
      'docs/gateway': 'Gateway (HTTP)',
      'docs/grpc': 'gRPC and Connect',
      'docs/attach': 'Programs beside an agent',
      'docs/programs': 'Serve from any language',
      'docs/mcp': 'AI assistants (MCP)',
      'docs/tuning': 'Tuning',
    },
  },
  {
    text: 'Own a machine',
    pages: {
      'docs/ports': 'Ports',
      'docs/files': 'Files, logs and programs',
      'docs/paths': 'Paths and netcheck',
      'docs/health': 'Health and doctor',
    },
  },
  {
    text: 'Operate a mesh',
    pages: {
      'docs/operations': 'Operations',
      'docs/page': 'Page in the browser',
      'docs/compose': 'Compose',
      'docs/deploy': 'Deploy step by step',
      'docs/kubernetes': 'Kubernetes',
      'docs/deploy-servers': 'Relays on servers',
      'docs/deploy-aws': 'AWS',
      'docs/stores': 'Stores and backups',
      'docs/policy': 'Policy',
      'docs/scaling': 'Autoscaling',
      'docs/scale': 'A million agents',
      'docs/cost': 'Cost',
      'docs/alerts': 'Alerts',
    },
  },
  {
    text: 'Reference',
    pages: {
      'docs/cli': 'Commands',
      'docs/configuration': 'Configuration',
      'docs/metrics': 'Metrics',
      'docs/logs': 'Log events',
      'docs/wire': 'Wire format',
      'site/api/index': 'API of @agent-mesh/agent',
      CHANGELOG: 'Changelog',
    },
  },
  {
    text: 'Understand and contribute',
    pages: {
      ARCHITECTURE: 'Architecture',
      'docs/membership': 'Membership',
      'docs/overload': 'Overload',
      'docs/security': 'Attacks and defences',
      'docs/chaos': 'Chaos',
      'docs/benchmarks': 'Benchmarks',
      'docs/adr/README': 'Decisions',
      CONTRIBUTING: 'Contributing',
      'docs/releasing': 'Releasing',
      SECURITY: 'Reporting a weakness',
    },
  },
]

/** The address of a page on the site: `site/index.md` and `site/api` stand at its root. */
export const addressOf = (page: string): string =>
  `/${page.replace(/^site\//, '').replace(/(^|\/)index$/, '$1')}`
