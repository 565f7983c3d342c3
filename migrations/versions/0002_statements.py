"""Statements: what each partner is owed, said once.

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-22 21:00:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('statement',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('partner_id', sa.String(length=40), nullable=False),
    sa.Column('partner_name', sa.String(length=200), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('manager_id', sa.String(length=40), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('number >= 1', name=op.f('ck_statement_number')),
    sa.ForeignKeyConstraint(['manager_id'], ['manager.id'], name=op.f('fk_statement_manager_id_manager')),
    sa.ForeignKeyConstraint(['partner_id'], ['partner.id'], name=op.f('fk_statement_partner_id_partner')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_statement')),
    sa.UniqueConstraint('partner_id', 'number', name=op.f('uq_statement_partner_id_number'))
    )
    op.create_table('statement_line',
    sa.Column('statement_id', sa.String(length=40), nullable=False),
    sa.Column('campaign_number', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('campaign_name', sa.String(length=200), nullable=False),
    sa.Column('gifts', sa.BigInteger(), nullable=False),
    sa.Column('second_gifts', sa.BigInteger(), nullable=False),
    sa.Column('partner_bears', sa.BigInteger(), nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.Column('handling_fee', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.ForeignKeyConstraint(['campaign_number'], ['campaign.number'], name=op.f('fk_statement_line_campaign_number_campaign')),
    sa.ForeignKeyConstraint(['statement_id'], ['statement.id'], name=op.f('fk_statement_line_statement_id_statement')),
    sa.PrimaryKeyConstraint('statement_id', 'campaign_number', name=op.f('pk_statement_line'))
    )


def downgrade():
    op.drop_table('statement_line')
    op.drop_table('statement')
