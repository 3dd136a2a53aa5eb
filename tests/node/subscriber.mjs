// Reads the first event of a stream as any subscriber would, and validates it.
//
//   WIREDESK_REDIS_URL=redis://… node subscriber.mjs STREAM SCHEMA_FOLDER
//
// Prints the event's id and ends with 0, or says what is wrong and ends with 1.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@redis/client";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const GROUP = "javascript-subscriber";
const [stream, schemaFolder] = process.argv.slice(2);

function validators(folder) {
  const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
  addFormats(ajv);
  for (const name of readdirSync(folder).filter((file) => file.startsWith("wiredesk."))) {
    ajv.addSchema(JSON.parse(readFileSync(join(folder, name), "utf8")));
  }
  return ajv;
}

async function firstEntry() {
  const url = process.env.WIREDESK_REDIS_URL;
  const client = createClient({ url, socket: { reconnectStrategy: false } });
  await client.connect();
  try {
    await client.xGroupCreate(stream, GROUP, "0");
    const answer = await client.xReadGroup(GROUP, "one", { key: stream, id: ">" }, { COUNT: 1 });
    if (!answer) throw new Error(`${stream} is empty`);
    const entry = answer[0].messages[0];
    await client.xAck(stream, GROUP, entry.id);
    return entry.message.__data__;
  } finally {
    client.destroy();
  }
}

// Offsets count code points; a JavaScript string counts UTF-16 units.
function misplaced({ text, entities = [] }) {
  const points = Array.from(text);
  return entities
    .flatMap((entity) => entity.mentions)
    .filter((mention) => points.slice(mention.start, mention.end).join("") !== mention.text);
}

function faults(event) {
  const validate = validators(schemaFolder).getSchema(event.dataschema);
  if (!validate) return [`no schema for ${event.dataschema}`];
  if (!validate(event)) return validate.errors.map((e) => `${e.instancePath} ${e.message}`);
  return misplaced(event.data).map((m) => `mention ${JSON.stringify(m)} is not at its offsets`);
}

try {
  const event = JSON.parse(await firstEntry());
  const found = faults(event);
  if (found.length > 0) throw new Error(found.join("\n"));
  console.log(event.id);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
