// Asks another validator (npm fhir) of what the gateways of the tests have sent, a resource of each shape.
//
//   node fhir.mjs EMITTED DIFFERENCES
//
// EMITTED is what tests/it/world/emitted.rs leaves; DIFFERENCES the table of what this validator says that
// is right as it is. Exit 1 if it says anything else, or if a line of the table is of nothing it says.
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import lib from 'fhir';

const [emitted, differences] = process.argv.slice(2);
const rows = readFileSync(differences, 'utf8').split('\n')
  .filter((line) => line.trim() !== '' && !line.startsWith('#'))
  .map((line) => {
    const [severity, says, why] = line.split(' | ').map((part) => part.trim());
    if (!why) throw new Error(`${differences}: ${line}`);
    return { severity, says: new RegExp(`^${says}$`), line, used: 0 };
  });

const judge = new lib.Fhir();
let asked = 0;
const wrong = new Map();
for await (const line of createInterface({ input: createReadStream(emitted) })) {
  const resource = JSON.parse(line);
  asked += 1;
  for (const { severity, message, location } of judge.validate(resource, { errorOnUnexpected: true }).messages) {
    const row = rows.find((row) => row.severity === severity && row.says.test(message));
    if (row) row.used += 1;
    else wrong.set(`${severity} | ${resource.resourceType} | ${location} | ${message}`, line);
  }
}
for (const [said, line] of wrong) console.log(`${said}\n  ${line.slice(0, 400)}`);
const idle = rows.filter((row) => row.used === 0);
for (const row of idle) console.log(`never said: ${row.line}`);
const told = rows.reduce((sum, row) => sum + row.used, 0);
console.log(`${asked} resources, a different shape each: ${told} remarks that the table explains, ${wrong.size} others`);
process.exit(wrong.size || idle.length || asked < 100 ? 1 : 0);
