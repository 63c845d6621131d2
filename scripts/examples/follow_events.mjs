#!/usr/bin/env node
// Follows the public events with the npm package `nats` alone: in order, from where it was, whatever the broker loses.
//
//   npm install nats@2 && node follow_events.mjs nats://localhost:4222 my-system
//
// It needs nothing of Baohao; what the events say is in adapters/broker/schemas/. With an account of its own, made by
// `baohao broker config`, set NATS_USER and NATS_PASSWORD: my-system is then the name of the account.

import { AckPolicy, connect, nanos } from "nats";

const [url, name] = process.argv.slice(2);
const { NATS_USER: user, NATS_PASSWORD: pass } = process.env;
const STREAM = "BAOHAO_EVENTS";
const ONE_AT_A_TIME = { max_ack_pending: 1 }; // what is delivered again does not come behind what is new

// Epoch and position: what is not after the last place was told before.
const placeOf = (headers) => [Number(headers.get("ce-epoch")), Number(headers.get("ce-position"))];
const isAfter = ([epoch, position], [lastEpoch, last]) => epoch > lastEpoch || (epoch === lastEpoch && position > last);

async function follow(handle) {
  const client = await connect({
    servers: url, user, pass, inboxPrefix: `_INBOX.${name}`, maxReconnectAttempts: -1,
  });
  const jetstream = client.jetstream();
  for (;;) {
    try {
      const events = await placeOnBroker(await jetstream.jetstreamManager(false));
      for await (const event of await events.fetch({ max_messages: 100, expires: 5000 })) {
        if (event.headers?.get("ce-specversion")) handle(event.headers, event.json()); // else it is none of Baohao's
        if (!(await event.ackAck())) break;
      }
    } catch (error) {
      console.error(`asks again: ${error.message}`); // the broker is away, or its stream is made anew
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  // The durable consumer that remembers where we are: ours already, or made now.
  async function placeOnBroker(manager) {
    try {
      await manager.consumers.info(STREAM, name);
    } catch {
      const ack_wait = nanos(30_000);
      const made = { durable_name: name, ack_policy: AckPolicy.Explicit, filter_subject: "baohao.v1.>", ack_wait };
      await manager.consumers.add(STREAM, { ...made, ...ONE_AT_A_TIME });
    }
    return jetstream.consumers.get(STREAM, name);
  }
}

let last = [0, 0];
await follow((headers, data) => {
  const place = placeOf(headers);
  if (!isAfter(place, last)) return;
  last = place;
  console.log(headers.get("ce-time"), headers.get("ce-subject") || "-", headers.get("ce-type"), JSON.stringify(data));
});
