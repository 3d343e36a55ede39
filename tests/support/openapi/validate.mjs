// validate.mjs DOCUMENT SCHEMA: what AJV, as a client would use it, says of the JSON on stdin; null: it is valid.
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";

const [path, schema] = process.argv.slice(2);
const ajv = new Ajv({ strict: false, validateFormats: false });
ajv.addSchema(JSON.parse(readFileSync(path, "utf8")), "api");
const validate = ajv.getSchema(`api#/components/schemas/${schema}`);
validate(JSON.parse(readFileSync(0, "utf8")));
console.log(JSON.stringify(validate.errors));
