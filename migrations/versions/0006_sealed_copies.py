"""Campaigns and signing keys that come back after a restore, by sealed copies.

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-30 07:40:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('campaign', sa.Column('restored_at', sa.BigInteger(), nullable=True))
    op.add_column('deployment', sa.Column('keys_from', sa.SmallInteger(), server_default='0', nullable=False))
    op.add_column('deployment', sa.Column('skipped_numbers', sa.BigInteger(), server_default='0', nullable=False))
    # Of earlier restores only the campaigns know how much they skipped. What the fullest has is enough for one that comes back.
    op.execute(
        'UPDATE deployment SET skipped_numbers = (SELECT coalesce(max(coupons), 0) FROM campaign) WHERE generation > 1'
    )


def downgrade():
    op.drop_column('deployment', 'skipped_numbers')
    op.drop_column('deployment', 'keys_from')
    op.drop_column('campaign', 'restored_at')
