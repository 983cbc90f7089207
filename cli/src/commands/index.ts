import { registerAdmin } from './admin.ts'
import { registerAudit } from './audit.ts'
import { registerBugReport } from './bug-report.ts'
import { registerCall } from './call.ts'
import { registerCallAll } from './call-all.ts'
import { registerCompletion } from './completion.ts'
import { registerConfig } from './config.ts'
import { registerConnect } from './connect.ts'
import { registerContext } from './context.ts'
import { registerControlPlane } from './control-plane.ts'
import { registerCp } from './cp.ts'
import { registerDemo } from './demo.ts'
import type { Register } from './define.ts'
import { registerDescribe } from './describe.ts'
import { registerDeploy } from './deploy.ts'
import { registerDoctor } from './doctor.ts'
import { registerExec } from './exec.ts'
import { registerExpose } from './expose.ts'
import { registerExposed, registerUnexpose } from './exposed.ts'
import { registerForward } from './forward.ts'
import { registerGateway } from './gateway.ts'
import { registerHealth } from './health.ts'
import { registerInit } from './init.ts'
import { registerLeave } from './leave.ts'
import { registerLogs } from './logs.ts'
import { registerMcp } from './mcp.ts'
import { registerMembers } from './members.ts'
import { registerNetcheck } from './netcheck.ts'
import { registerOpen } from './open.ts'
import { registerPage } from './page.ts'
import { registerPath } from './path.ts'
import { registerPeers } from './peers.ts'
import { registerPing } from './ping.ts'
import { registerPolicy } from './policy.ts'
import { registerPublish } from './publish.ts'
import { registerRelay } from './relay.ts'
import { registerRepl } from './repl.ts'
import { registerRevocations, registerRevoke } from './revoke.ts'
import { registerScaling } from './scaling.ts'
import { registerServe } from './serve.ts'
import { registerServed, registerUnserve } from './served.ts'
import { registerService } from './service.ts'
import { registerServices } from './services.ts'
import { registerStatus } from './status.ts'
import { registerStream } from './stream.ts'
import { registerSubscribe } from './subscribe.ts'
import { registerToken } from './token.ts'
import { registerTop } from './top.ts'
import { registerTuning } from './tuning.ts'
import { registerUp } from './up.ts'
import { registerUpgrade } from './upgrade.ts'

export interface CommandGroup {
  /** Heading in `--help`. */
  heading: string
  commands: readonly Register[]
}

/** In the order of `--help`. */
export const commandGroups: readonly CommandGroup[] = [
  {
    heading: 'Run:',
    commands: [registerUp, registerRelay, registerControlPlane, registerService, registerLeave, registerDemo],
  },
  {
    heading: 'Look:',
    commands: [
      registerStatus,
      registerTop,
      registerPage,
      registerPeers,
      registerServices,
      registerDescribe,
      registerPing,
      registerPath,
      registerHealth,
      registerNetcheck,
      registerTuning,
      registerDoctor,
    ],
  },
  {
    heading: 'Call:',
    commands: [
      registerCall,
      registerCallAll,
      registerStream,
      registerPublish,
      registerSubscribe,
      registerMcp,
    ],
  },
  {
    heading: 'Ports:',
    commands: [
      registerExpose,
      registerExposed,
      registerUnexpose,
      registerForward,
      registerConnect,
      registerOpen,
      registerGateway,
    ],
  },
  { heading: 'Machines:', commands: [registerCp, registerLogs, registerExec] },
  { heading: 'Programs:', commands: [registerServe, registerServed, registerUnserve] },
  { heading: 'Develop:', commands: [registerInit, registerRepl] },
  {
    heading: 'Administer:',
    commands: [
      registerToken,
      registerMembers,
      registerPolicy,
      registerRevoke,
      registerRevocations,
      registerAudit,
    ],
  },
  {
    heading: 'Operate:',
    commands: [
      registerAdmin,
      registerScaling,
      registerUpgrade,
      registerDeploy,
      registerContext,
      registerConfig,
      registerBugReport,
      registerCompletion,
    ],
  },
]
