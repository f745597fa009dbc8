import { rendering } from '../../../application.ts'
import { answer } from '../answer.ts'

export const GET = (request: Request) => rendering().answer(request, answer('news'))
