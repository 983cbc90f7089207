import { Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib'
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager'
import { HostedZone } from 'aws-cdk-lib/aws-route53'
import { Topic } from 'aws-cdk-lib/aws-sns'
import type { Construct } from 'constructs'

import { mailingTopic } from './control-plane/alarms/notify.ts'
import { budgetAlarm } from './control-plane/budget.ts'
import { ControlPlane } from './control-plane/control-plane.ts'
import type { MeshDomain } from './control-plane/props.ts'
import type { DataOfSettings } from './data/data-of-settings.ts'
import type { Settings } from './settings.ts'

export interface ControlPlaneStackProps extends StackProps {
  /** Folder of the bundled Lambdas: NAME/index.mjs exporting `handler`. */
  bundles: string
  data: DataOfSettings
  settings: Settings
}

/** A control plane by the settings of a deployment. */
export class ControlPlaneStack extends Stack {
  constructor(scope: Construct, id: string, { settings, data, bundles, ...props }: ControlPlaneStackProps) {
    super(scope, id, props)
    const { publicUrls, pushUrl, viewerProxy, maxMembers, throttle, trafficShift } = settings
    const { apiConcurrency, accountConcurrency, tracing, alarmTopicArn, alarmEmail, budget } = settings
    // `Default` is no part of logical ids: they are those of the releases in which the stack made everything itself.
    const controlPlane = new ControlPlane(this, 'Default', {
      ...{ publicUrls, pushUrl, viewerProxy, maxMembers, throttle },
      ...{ apiConcurrency, accountConcurrency, tracing, lambdas: bundles },
      table: data.table(this),
      authorityKeys: data.authorityKeys(this),
      domain: this.#domain(settings.domain),
      alarmTopic:
        alarmTopicArn === undefined ? undefined : Topic.fromTopicArn(this, 'AlarmTopic', alarmTopicArn),
      logRetention: settings.retentionDays,
      accessLogRemovalPolicy: settings.protectData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      sweepInterval: Duration.minutes(settings.sweepMinutes),
      healthInterval: Duration.seconds(settings.healthSeconds),
      trafficShift: trafficShift === 'none' ? undefined : trafficShift,
    })
    if (alarmEmail !== undefined) controlPlane.notify(mailingTopic(this, controlPlane.alarms, alarmEmail))
    if (budget !== undefined) budgetAlarm(this, budget)
  }

  #domain(domain: Settings['domain']): MeshDomain | undefined {
    if (domain === undefined) return undefined
    const { name, certificateArn, hostedZoneId } = domain
    return {
      name,
      certificate:
        certificateArn === undefined
          ? undefined
          : Certificate.fromCertificateArn(this, 'DomainCertificate', certificateArn),
      hostedZone:
        hostedZoneId === undefined ? undefined : HostedZone.fromHostedZoneId(this, 'Zone', hostedZoneId),
    }
  }
}
