"""Quarantine in order: the entries of a journal by their numbers, and those of them that wait.

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-29 21:00:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table('quarantine', schema=None) as batch_op:
        batch_op.create_index('ix_quarantine_device_id_number', ['device_id', 'number'], unique=False)
        batch_op.create_index('ix_quarantine_waiting', ['device_id', 'number'], unique=False, sqlite_where=sa.text('decided_at IS NULL'), postgresql_where=sa.text('decided_at IS NULL'))


def downgrade():
    with op.batch_alter_table('quarantine', schema=None) as batch_op:
        batch_op.drop_index('ix_quarantine_waiting', sqlite_where=sa.text('decided_at IS NULL'), postgresql_where=sa.text('decided_at IS NULL'))
        batch_op.drop_index('ix_quarantine_device_id_number')
