import { bff } from '../../../application.ts'

const handle = (request: Request) => bff().fetch(request)

export { handle as DELETE, handle as GET, handle as PATCH, handle as POST, handle as PUT }
