import { App, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'

import { FleetStack } from './fleet-stack.ts'
import { RelaysStack } from './relays-stack.ts'

const app = new App()
Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
const [blue, green] = ['blue', 'green'].map(name => app.node.tryGetContext(name) as string | undefined)
const proxies = blue === undefined || green === undefined ? undefined : { blue, green }
new FleetStack(app, 'Fleet', { description: 'Two meshes', proxies })
new RelaysStack(app, 'FleetRelays', { description: 'Their relays' })
app.synth()
