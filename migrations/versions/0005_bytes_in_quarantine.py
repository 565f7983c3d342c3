"""Bytes in quarantine: how much each device has handed in.

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-30 02:50:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('device', sa.Column('quarantined_bytes', sa.BigInteger(), server_default='0', nullable=False))
    op.execute(
        'UPDATE device SET quarantined_bytes ='
        ' (SELECT coalesce(sum(length(entry)), 0) FROM quarantine WHERE handed_in_by_id = device.id)'
    )


def downgrade():
    op.drop_column('device', 'quarantined_bytes')
