/** A member that publishes to topics and subscribes to them. */
import { checkTopicName, checkTopicPattern } from '@agent-mesh/protocol'
import { MemberFacade } from '../member/member-facade.ts'
import type { Member } from '../member/member.ts'
import { topicName, type MessageOf, type PublishedOf, type TopicContract } from '../topics/contract.ts'
import type { LazyTopics } from '../topics/lazy-topics.ts'
import type { Published, PublishOptions, SubscribeOptions } from '../topics/subscribe-options.ts'
import type { Subscription } from '../topics/subscription.ts'

export abstract class PublishingMember extends MemberFacade {
  protected readonly topics: LazyTopics

  constructor(member: Member, topics: LazyTopics) {
    super('agent', member)
    this.topics = topics
  }

  /**
   * Publishes a message to the members that subscribed, at most once. Resolves when it is handed over; with `acks` when so many
   * subscriptions took it, or the time is over: the result has the number.
   * @throws MeshError permission_denied, invalid_argument, too_large above 64 KiB, overloaded
   */
  async publish<const Topic extends string | TopicContract>(
    topic: Topic,
    message: PublishedOf<Topic>,
    options: PublishOptions = {},
  ): Promise<Published> {
    const name = topicName(topic, 'publish')
    this.mustRun(`publish to ${name}`)
    checkTopicName(name, `publish to '${name}'`)
    return (await this.topics.get()).publish(topic, message, options)
  }

  /**
   * Subscribes to a topic, or to all that begin with `alerts.*`. Resolves when the hubs have it; the subscription is iterated, unless
   * `onMessage` takes the messages.
   * @throws MeshError permission_denied, invalid_argument, overloaded
   */
  async subscribe<const Topic extends string | TopicContract>(
    topic: Topic,
    options: SubscribeOptions<MessageOf<Topic>> = {},
  ): Promise<Subscription<MessageOf<Topic>>> {
    const name = topicName(topic, 'subscribe')
    this.mustRun(`subscribe to ${name}`)
    checkTopicPattern(name, `subscribe to '${name}'`)
    const topics = await this.topics.get()
    const subscription = topics.subscribe(topic, options as SubscribeOptions)
    await subscription.ready
    return subscription as Subscription<MessageOf<Topic>>
  }
}
