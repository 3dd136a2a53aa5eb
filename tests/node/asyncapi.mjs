// Validates an AsyncAPI document against AsyncAPI's own JSON Schema of its version.
//
//   node asyncapi.mjs DOCUMENT
//
// Ends with 0 if it is valid, or says what is wrong and ends with 1.
import { readFileSync } from "node:fs";
import specs from "@asyncapi/specs";
import Ajv from "ajv";
import addFormats from "ajv-formats";

const document = JSON.parse(readFileSync(process.argv[2], "utf8"));
const schema = specs.schemas[document.asyncapi];
if (!schema) {
  console.error(`AsyncAPI ${document.asyncapi} is not a known version`);
  process.exit(1);
}

// AsyncAPI's schema brings the draft-07 meta-schema along, so ajv's own must stay out, and uses
// keywords that strict mode refuses.
const ajv = new Ajv({ strict: false, allErrors: true, meta: false, validateSchema: false });
addFormats(ajv);
const validate = ajv.compile(schema);
if (validate(document)) {
  console.log(`valid AsyncAPI ${document.asyncapi}`);
} else {
  for (const error of validate.errors) console.error(`${error.instancePath} ${error.message}`);
  process.exitCode = 1;
}
