"""The version of each webhook endpoint, which counts its changes.

Revision ID: 0016
Revises: 0015
Create Date: 2026-11-30 11:45:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('webhook_endpoint', sa.Column('version', sa.BigInteger(), server_default='1', nullable=False))


def downgrade():
    with op.batch_alter_table('webhook_endpoint') as table:
        table.drop_column('version')
