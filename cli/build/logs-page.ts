/** docs/logs.md, made from the table of the names of what is logged. */
import { logEvents } from '@agent-mesh/protocol/log-events'
import { recoveryEvents } from '@agent-mesh/protocol/recovery'

const beginning = `# Logs

<!-- Made by "npm run generate" from the table of events; "npm run check" compares. -->

Agents, relays and control planes log on standard error, one line an event; standard output is for results.
\`--log-level\` is the lowest level that is logged (\`debug\`, \`info\`, \`warn\`, \`error\`, \`silent\`; default
\`warn\`). SIGHUP changes it in a running process ([configuration.md](configuration.md#changes-while-it-runs)).
No token, key or request header is logged.

## Formats

\`--log-format json\` (default) is a JSON document a line:

| field | what |
|---|---|
| \`time\` | Unix time, ms |
| \`level\` | 20 debug, 30 info, 40 warn, 50 error |
| \`name\`, \`pid\` | process: \`agent\`, \`relay\`, \`control-plane\` or \`reload\` (SIGHUP), and its id |
| \`event\` | stable name, of the tables below: filter and alert by it |
| \`msg\` | text for people; it may change with a release |
| \`err\` | \`message\`, \`code\`, \`hint\`, \`details\` and \`stack\` of an error |
| others | facts of the event: \`peerId\`, \`path\`, \`reason\`, times with their unit in the name |

On AWS, Lambdas write \`level\` as text, \`message\` in place of \`msg\` and the id of the request in \`request\`.

\`--log-format pretty\` is for people: time of day, level, process, event, text and fields on one line, with
colours on a terminal, without stacks:

\`\`\`text
09:30:12.345 WARN  agent credential-not-renewed: credential not renewed; trying again within the hour err="…"
\`\`\`

\`\`\`sh
agent-mesh up --log-level info --log-format pretty
agent-mesh up --log-level info 2>&1 >/dev/null | jq 'select(.event == "path-silent")'
\`\`\`

`

const header = '| event | level | meaning |\n|---|---|---|\n'

const recovery = `## Recovery

What a process does to recover is logged at level info. Each has a line in
[health.md](health.md#recovery) too; \`agent-mesh health\` lists the last ones.

| event | level | meaning |
|---|---|---|
`

export const logsPage = (): string =>
  [
    beginning,
    ...Object.entries(logEvents).map(([title, events]) => {
      const rows = Object.entries(events).map(
        ([name, [level, means]]) => `| \`${name}\` | ${level} | ${means} |\n`,
      )
      return `## ${title}\n\n${header}${rows.join('')}\n`
    }),
    recovery,
    ...Object.entries(recoveryEvents).map(
      ([name, supervisor]) =>
        `| \`${name}\` | info | the part \`${supervisor}\` acted; \`msg\` says what it did |\n`,
    ),
  ].join('')
