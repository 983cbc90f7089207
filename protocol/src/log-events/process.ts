/** Of every process: start, stop, health, audit, settings. */
export const processEvents = {
  'start-not-undone': ['error', 'A start failed, and what had started could not be stopped.'],
  'agent-stopping': ['info', 'The agent stops: it serves no new calls.'],
  'listener-failed': ['error', 'A part of the process that listens to an event threw: a defect.'],
  'program-listener-failed': [
    'error',
    'A function of the program that listens to the event in `listener` threw.',
  ],
  'health-look-failed': ['error', 'The timer of the health checks failed: a defect.'],
  'audit-end-cut': ['warn', 'The last line of the audit log was not complete, as after a power cut.'],
  'audit-written-again': ['info', 'The audit log can be written again; what waited is in it.'],
  'audit-entry-left-out': ['warn', 'An entry was larger than the limit of an entry.'],
  'audit-not-read': ['warn', 'Members may do as much again: their acts before the restart are not counted.'],
  'audit-not-written': ['warn', 'Entries wait in memory: look at the disk.'],
  'watch-folder-lost': ['warn', '`up --watch` does not see changes in `folder`: start it again.'],
  'modules-reloaded': ['info', '`up --watch` serves the changed modules.'],
  'modules-not-reloaded': ['warn', 'A changed module does not load; `reason` says why.'],
  'settings-reloaded': ['info', 'SIGHUP: `changed` took effect, `needRestart` waits for a restart.'],
  'settings-not-reloaded': ['error', 'SIGHUP: the configuration has a fault; nothing changed.'],
  'check-failing': ['warn', 'The check in `check` fails; `reason` says why.'],
  'check-changed': ['info', 'The check in `check` changed to `result`.'],
} as const
