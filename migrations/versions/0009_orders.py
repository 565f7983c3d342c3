"""One coupon for each order, and a restored ledger that waits for the shop.

Revision ID: 0009
Revises: 0008
Create Date: 2026-11-30 10:55:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None
HAS_KEY = sa.text('once_key IS NOT NULL')


def upgrade():
    op.add_column('coupon', sa.Column('line', sa.String(length=200), nullable=True))
    op.add_column('coupon', sa.Column('once_key', sa.String(length=43), nullable=True))
    op.create_index(
        op.f('ix_coupon_once_key'), 'coupon', ['once_key'], unique=True, sqlite_where=HAS_KEY, postgresql_where=HAS_KEY
    )
    op.add_column('deployment', sa.Column('awaits_shop', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column('deployment', sa.Column('sealed_order_secret', sa.LargeBinary(), nullable=True))


def downgrade():
    op.drop_index(op.f('ix_coupon_once_key'), table_name='coupon')
    op.drop_column('deployment', 'sealed_order_secret')
    op.drop_column('deployment', 'awaits_shop')
    op.drop_column('coupon', 'once_key')
    op.drop_column('coupon', 'line')
