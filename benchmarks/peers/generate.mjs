// Writes the C that SDEverywhere makes of an XMILE file: node generate.mjs FOLDER, which holds model.xmile and spec.json.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseAndGenerate } from '@sdeverywhere/compile'

const folder = process.argv[2]
const text = readFileSync(`${folder}/model.xmile`, 'utf8')
const spec = JSON.parse(readFileSync(`${folder}/spec.json`, 'utf8'))
writeFileSync(`${folder}/generated.c`, await parseAndGenerate(text, 'xmile', spec, ['generateC'], folder, 'generated', folder))
