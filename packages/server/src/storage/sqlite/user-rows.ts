/** The columns of a user, by names that no column of a joined session has. */
export const userColumns = `
  users.id AS user_id, username, password_hash, roles, users.created_at AS user_created_at, disabled_at`
